"""Values that have the form of secrets and are none: assembled at run time, so that no file of this repository holds one."""

import base64
import json
import random
import string
import zlib

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
HEX = "0123456789abcdef"
URL = ALNUM + "-_"
B62 = DIGITS + UPPER + LOWER


def text(alphabet, length, seed=""):
    """Characters that look drawn by chance, the same in every run."""
    draw = random.Random(f"{alphabet}{length}{seed}")
    return "".join(draw.choice(alphabet) for _ in range(length))


def checked(prefix, body):
    """A token of GitHub or npm, which ends with the checksum of the text before it."""
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = B62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def b64(data, *, url=False):
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    return encode(data.encode() if isinstance(data, str) else data).decode()


def jwt():
    head, body = (
        b64(json.dumps(part), url=True).rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "name": "x", "iat": 1516239022})
    )
    return f"{head}.{body}.{text(URL, 43)}"


def pem(kind):
    lines = [text(ALNUM + "+/", 64, n) for n in range(12)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


def uuid(seed=""):
    return "-".join(text(HEX, n, f"{seed}{i}") for i, n in enumerate((8, 4, 4, 4, 12)))


def gcp():
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "weft-1",
            "private_key_id": text(HEX, 40),
            "private_key": pem("PRIVATE KEY") + "\n",
            "client_email": "a@weft-1.iam.gserviceaccount.com",
        }
    )


PW = text(ALNUM, 20, "pw")


def url(scheme, user, rest):
    """An address with a password."""
    return f"{scheme}://{user}:{PW}@{rest}"


KINDS = {  # what it is: (a name that it is given, a value)
    "vault hvs": ("token", "hvs." + text(URL, 95)),
    "vault hvs short": ("token", "hvs." + text(ALNUM, 24)),
    "vault hvb": ("token", "hvb." + text(URL, 160)),
    "vault s.": ("token", "s." + text(ALNUM, 24)),
    "redis url": ("url", url("redis", "", "cache.internal:6379/0")),
    "rediss url": ("url", url("rediss", "user", "cache.internal:6379/0")),
    "postgres url": ("url", url("postgresql", "app", "db.internal:5432/app")),
    "mysql url": ("url", url("mysql", "app", "db.internal:3306/app")),
    "mongodb url": ("url", url("mongodb+srv", "app", "cluster0.ab1cd.mongodb.net/app")),
    "amqp url": ("url", url("amqp", "app", "mq.internal:5672/")),
    "https url": ("url", url("https", "deploy", "git.internal/x.git")),
    "jdbc": ("url", f"jdbc:postgresql://db.internal:5432/app?user=app&password={PW}"),
    "odbc": ("connection", f"Server=db.internal;Database=app;User Id=sa;Password={PW};"),
    "smtp url": ("url", url("smtp", "app", "mail.internal:587")),
    "digitalocean": ("token", "dop_v1_" + text(HEX, 64)),
    "digitalocean oauth": ("token", "doo_v1_" + text(HEX, 64)),
    "mailgun": ("mailgun_key", "key-" + text(HEX, 32)),
    "mailgun new": ("mailgun_api_key", f"{text(HEX, 32)}-{text(HEX, 8)}-{text(HEX, 8, 1)}"),
    "newrelic user": ("key", "NRAK-" + text(UPPER + DIGITS, 27)),
    "newrelic insert": ("key", "NRII-" + text(ALNUM + "-", 32)),
    "newrelic license": ("license_key", text(HEX, 36) + "NRAL"),
    "discord bot": ("discord_token", f"MT{text(ALNUM, 24)}.{text(URL, 6)}.{text(URL, 38)}"),
    "discord webhook": ("url", f"https://discord.com/api/webhooks/{text(DIGITS, 18)}/{text(URL, 68)}"),
    "bcrypt": ("hash", "$2b$12$" + text("./" + ALNUM, 53)),
    "heroku uuid": ("heroku_api_key", uuid("h")),
    "heroku": ("key", "HRKU-AA" + text(URL, 58)),
    "age": ("identity", "AGE-SECRET-KEY-1" + text("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "age pq": ("identity", "AGE-SECRET-KEY-PQ-1" + text("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "github pat": ("token", checked("ghp_", text(ALNUM, 30))),
    "github pat unchecked": ("token", "ghp_" + text(ALNUM, 36)),
    "github fine": ("token", f"github_pat_{text(ALNUM, 22)}_{text(ALNUM, 59)}"),
    "github oauth": ("token", checked("gho_", text(ALNUM, 30))),
    "github server": ("token", checked("ghs_", text(ALNUM, 30))),
    "gitlab": ("token", "glpat-" + text(URL, 20)),
    "gitlab deploy": ("token", "gldt-" + text(URL, 20)),
    "gitlab runner": ("token", "glrt-" + text(URL, 20)),
    "google api": ("key", "AIza" + text(URL, 35)),
    "google oauth": ("client_secret", "GOCSPX-" + text(URL, 28)),
    "google oauth token": ("token", "ya29." + text(URL, 60)),
    "gcp service account": ("account", gcp()),
    "npm": ("token", checked("npm_", text(ALNUM, 30))),
    "npm unchecked": ("token", "npm_" + text(ALNUM, 36)),
    "pypi": ("token", "pypi-AgEIcHlwaS5vcmc" + text(URL, 90)),
    "openai project": ("key", f"sk-proj-{text(URL, 74)}T3BlbkFJ{text(URL, 74, 1)}"),
    "openai": ("key", f"sk-{text(ALNUM, 20)}T3BlbkFJ{text(ALNUM, 20, 1)}"),
    "openai project short": ("key", f"sk-proj-{text(ALNUM, 48)}"),
    "anthropic": ("key", f"sk-ant-api03-{text(URL, 93)}AA"),
    "anthropic short": ("key", f"sk-ant-{text(ALNUM, 40)}"),
    "huggingface": ("token", "hf_" + text(UPPER + LOWER, 34)),
    "aws id": ("key", "AKIA" + text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
    "aws temp": ("key", "ASIA" + text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
    "aws secret": ("aws_secret_access_key", text(ALNUM + "+/", 40)),
    "rsa key": ("key", pem("RSA PRIVATE KEY")),
    "ec key": ("key", pem("EC PRIVATE KEY")),
    "pkcs8 key": ("key", pem("PRIVATE KEY")),
    "encrypted key": ("key", pem("ENCRYPTED PRIVATE KEY")),
    "ssh key": ("key", pem("OPENSSH PRIVATE KEY")),
    "pgp key": ("key", pem("PGP PRIVATE KEY BLOCK")),
    "slack bot": ("token", f"xoxb-{text(DIGITS, 12)}-{text(DIGITS, 12, 1)}-{text(ALNUM, 24)}"),
    "slack user": ("token", f"xoxp-{text(DIGITS, 12)}-{text(DIGITS, 12, 1)}-{text(DIGITS, 12, 2)}-{text(HEX, 32)}"),
    "slack app": ("token", f"xapp-1-A{text(UPPER + DIGITS, 10)}-{text(DIGITS, 13)}-{text(HEX, 64)}"),
    "slack webhook": (
        "url",
        f"https://hooks.slack.com/services/T{text(UPPER + DIGITS, 10)}/B{text(UPPER + DIGITS, 10, 1)}/{text(ALNUM, 24)}",
    ),
    "stripe": ("key", "sk_live_" + text(ALNUM, 24)),
    "stripe long": ("key", "sk_live_51" + text(ALNUM, 97)),
    "stripe restricted": ("key", "rk_live_" + text(ALNUM, 24)),
    "stripe webhook": ("key", "whsec_" + text(ALNUM, 32)),
    "jwt": ("token", jwt()),
    "azure storage": (
        "connection",
        f"DefaultEndpointsProtocol=https;AccountName=weft;AccountKey={text(ALNUM + '+/', 86)}==;EndpointSuffix=core.windows.net",
    ),
    "azure account": ("storage", f"accountKey={text(ALNUM + '+/', 86)}=="),
    "azure client secret": ("azure_client_secret", f"{text(ALNUM, 3)}8Q~{text(ALNUM, 34)}"),
    "azure servicebus": (
        "connection",
        f"Endpoint=sb://weft.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={text(ALNUM + '+/', 43)}=",
    ),
    "azure sas": ("url", f"https://weft.blob.core.windows.net/x?sv=2022-11-02&ss=b&sig={text(ALNUM, 42)}%3D"),
    "sendgrid": ("key", f"SG.{text(URL, 22)}.{text(URL, 43)}"),
    "twilio": ("twilio_key", "SK" + text(HEX, 32)),
    "twilio auth": ("twilio_auth_token", text(HEX, 32, "tw")),
    "docker pat": ("token", "dckr_pat_" + text(URL, 27)),
    "docker auth": ("auth", f'{{"auths": {{"registry.internal": {{"auth": "{b64("robot:" + PW)}"}}}}}}'),
    "databricks": ("token", "dapi" + text(HEX, 32)),
    "grafana service account": ("token", f"glsa_{text(ALNUM, 32)}_{text(HEX, 8)}"),
    "grafana cloud": ("token", "glc_" + b64('{"o":"12345","n":"weft","k":"' + text(ALNUM, 30) + '","m":{"r":"eu"}}')),
    "linear": ("key", "lin_api_" + text(ALNUM, 40)),
    "notion": ("token", "ntn_" + text(DIGITS, 11) + text(ALNUM, 35)),
    "notion old": ("token", "secret_" + text(ALNUM, 43)),
    "shopify": ("token", "shpat_" + text(HEX, 32)),
    "shopify secret": ("token", "shpss_" + text(HEX, 32)),
    "telegram": ("telegram_token", f"{text('123456789', 10)}:AA{text(URL, 33)}"),
    "basic auth": ("header", f"Authorization: Basic {b64('admin:' + PW)}"),
    "bearer": ("header", f"Authorization: Bearer {text(ALNUM, 40)}"),
    "cloudflare": ("cloudflare_api_token", text(URL, 40)),
    "datadog": ("datadog_api_key", text(HEX, 32, "dd")),
    "doppler": ("token", "dp.pt." + text(ALNUM, 43)),
    "pulumi": ("token", "pul-" + text(HEX, 40)),
    "terraform": ("token", f"{text(ALNUM, 14)}.atlasv1.{text(URL, 67)}"),
    "sentry": (
        "token",
        "sntrys_"
        + b64('{"iat":1687336543.633931,"url":"https://sentry.io","region_url":"https://us.sentry.io","org":"weft"}')
        + "_"
        + text(ALNUM + "+/", 43),
    ),
    "sentry user": ("token", "sntryu_" + text(HEX, 64)),
    "postman": ("key", f"PMAK-{text(HEX, 24)}-{text(HEX, 34)}"),
    "square": ("token", "EAAA" + text(URL, 60)),
    "planetscale": ("token", "pscale_tkn_" + text(URL, 43)),
    "rubygems": ("key", "rubygems_" + text(HEX, 48)),
    "crates": ("token", "cio" + text(ALNUM, 32)),
    "mailchimp": ("mailchimp_key", text(HEX, 32, "mc") + "-us12"),
    "airtable": ("token", f"pat{text(ALNUM, 14)}.{text(HEX, 64)}"),
    "figma": ("token", "figd_" + text(URL, 40)),
    "atlassian": ("token", "ATATT3xFfGF0" + text(URL, 180) + "=" + text(UPPER[:6] + DIGITS, 8)),
    "asana": ("token", f"1/{text('123456789', 16)}:{text(HEX, 32)}"),
    "dropbox": ("token", "sl." + text(URL, 136)),
    "okta": ("okta_token", "00" + text(URL, 40)),
    "tailscale": ("key", f"tskey-auth-k{text(ALNUM, 11)}CNTRL-{text(ALNUM, 32)}"),
    "groq": ("key", "gsk_" + text(ALNUM, 52)),
    "replicate": ("token", "r8_" + text(ALNUM, 37)),
    "perplexity": ("key", "pplx-" + text(ALNUM, 48)),
    "xai": ("key", "xai-" + text(ALNUM, 80)),
    "supabase": ("token", "sbp_" + text(HEX, 40)),
    "artifactory": ("token", "AKCp" + text(ALNUM, 69)),
    "confluent": ("confluent_secret", text(ALNUM + "+/", 64)),
    "sonar": ("token", "squ_" + text(HEX, 40)),
    "ngrok": ("ngrok_authtoken", text(ALNUM, 27) + "_" + text(ALNUM, 21)),
    "facebook": ("token", "EAAG" + text(ALNUM, 150)),
    "consul": ("consul_token", uuid("c")),
    "1password": (
        "token",
        "ops_"
        + b64(
            '{"signInAddress":"my.1password.com","userAuth":{"method":"SRPg-4096","alg":"PBES2g-HS256","iterations":650000,"salt":"'
            + text(ALNUM, 22)
            + '"},"email":"x@1passwordserviceaccounts.com","srpX":"'
            + text(HEX, 64)
            + '"}'
        ),
    ),
    "bitbucket": ("token", "ATBB" + text(ALNUM, 32)),
    "argon2": ("hash", f"$argon2id$v=19$m=65536,t=3,p=4${text(ALNUM, 22)}${text(ALNUM, 43)}"),
    "sha512crypt": ("hash", f"$6${text(ALNUM, 16)}${text('./' + ALNUM, 86)}"),
    "md5 of postgres": ("hash", "md5" + text(HEX, 32)),
    "ldap": ("hash", "{SSHA}" + b64(text(ALNUM, 24))),
    "htpasswd apr1": ("hash", f"$apr1${text(ALNUM, 8)}${text('./' + ALNUM, 22)}"),
    "sha256 crypt": ("hash", f"$5${text(ALNUM, 16)}${text('./' + ALNUM, 43)}"),
    "wireguard": ("PrivateKey", text(ALNUM, 42) + "A="),
    "password": ("password", "hunter2hunter2"),
    "strong password": ("db_password", text(ALNUM + "!%&()*+", 18)),
    "api_key": ("api_key", text(ALNUM, 32)),
    "client_secret": ("client_secret", text(HEX, 40)),
    "entropy": ("thing", text(ALNUM, 40, "e")),
}


WRITTEN = {  # contexts of a password: (the name of a file, the text before it, the text after it)
    "a quoted key": ("a.yaml", '"password": ', "\n"),
    "a numbered key": ("a.yaml", "password2: ", "\n"),
    "an anchor": ("a.yaml", "password: &pw ", "\n"),
    "a tag": ("a.yaml", "password: !!str ", "\n"),
    "a folded block": ("a.yaml", "password: >-\n    ", "\n"),
    "a flow mapping": ("a.yaml", "app: {user: a, password: ", ", port: 1}\n"),
    "the end of a flow mapping": ("a.yaml", "app: {password: ", "}\n"),
    "before a comment": ("a.yaml", "password: ", "  # rotate it\n"),
    "a variable": (".env", "export DB_PASSWORD=", "\n"),
    "a variable of a container": ("Dockerfile", "ENV PGPASSWORD=", "\n"),
    "the next line of JSON": ("a.json", '{"password":\n  "', '"}'),
    "JSON in a text": ("a.yaml", 'config: "{\\"password\\": \\"', '\\"}"\n'),
    "a short name": ("a.json", '{"pass": "', '"}'),
    "TOML": ("a.toml", 'password = "', '"\n'),
    "Ruby": ("a.rb", ":password => '", "'\n"),
    "Go": ("a.go", 'password := "', '"\n'),
    "a typed variable": ("a.py", 'password: str = "', '"\n'),
    "an argument": ("a.py", 'connect(password="', '")\n'),
    "an item": ("a.py", 'settings["password"] = "', '"\n'),
    "an element": ("a.xml", "<db.password>", "</db.password>\n"),
    "an attribute": ("a.xml", '<db password="', '"/>\n'),
    "an option": ("a.sh", "tool --db-password ", "\n"),
    "an option with =": ("a.sh", 'tool --token="', '"\n'),
    "redis.conf": ("redis.conf.j2", "requirepass ", "\n"),
    "netrc": (".netrc", "machine a login b password ", "\n"),
    "SQL": ("a.sql", "CREATE ROLE app WITH LOGIN PASSWORD '", "';\n"),
    "SQL of MySQL": ("a.sql", "CREATE USER app IDENTIFIED BY '", "';\n"),
    "a set of Jinja": ("a.j2", '{% set password = "', '" %}\n'),
    "an argument of Jinja": ("a.j2", "{{ connect(password='", "') }}\n"),
    "a comment of Jinja": ("a.yaml.j2", "{# password: ", " #}\n"),
    "a default of a shell": ("a.sh", "PASSWORD=${PASSWORD:-", "}\n"),
}

BY_NAME = {"heroku uuid", "twilio auth", "datadog", "consul", "password", "strong password", "api_key", "client_secret"}
"""Kinds that only a name distinguishes from other texts, so they are found only next to it."""


def forms(kind):
    """How a kind of secret may be written: (what this is, the name of a file, what it holds)."""
    name, value = KINDS[kind]
    quoted = json.dumps(value)
    many = value.count("\n") > 0
    block = "".join(f"    {line}\n" for line in value.splitlines())
    comment = "".join(f"  # {line}\n" for line in f"{name}: {value}".splitlines())
    plain = f"'{value}'" if value.startswith("{") else f"|\n{block}" if many else value
    yield "an overlay", "overlays/base.yaml", f"app:\n  {name}: {plain}\n"
    yield "quotes", "overlays/base.yaml", f"app:\n  {name}: {quoted}\n"
    yield "a block", "overlays/base.yaml", f"app:\n  {name}: |\n{block}"
    yield "a comment", "overlays/base.yaml", f"app:\n  size: 1\n{comment}"
    yield "a template", "templates/app.conf.j2", f"[app]\n{name} = {value}\n"
    yield "a template of YAML", "templates/app.yaml.j2", f"{name}: {plain}\nsize: {{{{ app.size }}}}\n"
    yield "a statement", "templates/app.yaml.j2", f"{{% set {name} = {quoted} %}}\n"
    yield "a code block", "docs/a.md", f"Like this:\n\n```\n{name}: {value}\n```\n"
    yield "JSON", "a.json", json.dumps({"app": {name: value}}, indent=2)
    if kind not in BY_NAME:
        yield "an expression", "templates/app.yaml.j2", f"app: {{{{ {quoted} | b64encode }}}}\n"
        yield "prose", "docs/a.md", f"Take `{value}` for it.\n"
