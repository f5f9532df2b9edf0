"""Words that mean something to the engine: what a mutation uses to replace text."""

import math

NUMBERS = (
    0, -1, 1, 2, 10, 2**31, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**64 + 1, 10**30, 10**308,
    -0.0, 0.1, 1.5, 1e-320, 5e-324, 1e308, 1e16, 1.0, 1e100, math.inf, -math.inf, math.nan,
)  # fmt: skip
TEXTS = (
    "", " ", "x", "null", "~", "true", "no", "on", "0o17", "0x1f", "1_000", "1:30", "1e3", ".5", "5.", "+1", ".inf", ".nan", "01",
    "2020-01-01", "2020-01-01T00:00:00Z", "PT1H", "P1Y2M", "10.0.0.1", "::1", "http://a/b?c#d", "a@b.c", "1Gi", "100m", "5s", "-",
    "a.b", "a[0]", '["a.b"]', "/a/b", "~0~1", "../../x", "/etc/passwd", "C:\\x", "a/./b", "con", "*", "**", "**/x", "production/*",
    "ref+env://DB_PASSWORD", "ref+vault://a/b#c", "ref+file://../x", "ref+", "ref+env://", "{environment}", "{tenant}", "{}", "{a}{b}",
    "$", "$value", "$replace", "$append", "$patch", "<<", "=", "\x00", "\x07", "\x1b[31m", "\r", "\n", "\r\n", "\t", "\x85", "\u2028",
    "\ufeff", "\ud83d", "\U0001f600", "e\u0301", "\u00e9", "\u202e", "\u0661", "ß", "ﷺ", "İ", "ﬁ", "中" * 30, "a" * 300, "k" * 5000,
    "^(a+)+$", "^(?=a)(a|aa|b(?!c))+$", "(?<n>a)", "\\p{L}", "[", "(", "a{1000000}", "(a{9}){9}{9}", "(?i)x", "\\d+$", "^\\", "[\\u{1F600}]",
    "self", "self.a == 1", "true", "1/0 == 1", "self.all(x, true)", "self.map(x, x).size() > 1", "size(self) < 5", "oldSelf == self",
    "'" + "a" * 2000 + "' != ''", "(" * 100 + "1" + ")" * 100 + " == 1", "!" * 100 + "true", "-" * 99 + "1 < 0", "[" * 60 + "]" * 60 + " == []",
    "[1,2,3].all(a, [1,2,3].all(b, [1,2,3].all(c, [1,2,3].all(d, a + b + c + d > 0))))",
    "[0].map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).size() == 1",
    "self.matches('^(a+)+$')", "duration('1h') > duration(self)", "quantity('1Gi').isGreaterThan(quantity('1'))", "has(self.x.y)", "1 + 'a'",
    "optional.of(1).orValue(2) == 1", "9223372036854775807 + 1 > 0", "b'\\xff' == b''", "timestamp('9999-12-31T23:59:59Z') > timestamp(0)",
    "cel.bind(x, self, x == x)", "string(self)", "'%s'.format([self]) == ''", "self.replace('', self) == ''", "self.split('').join('') == ''",
)  # fmt: skip
KEYS = (
    "$value", "$replace", "$append", "$prepend", "$remove", "$patch", "$apend", "$", "<<", "=", "", " ", ".", "a.b", "[0]", "*", "0", "-1", "null", "true",
    "__proto__", "__class__", "items", "keys", "get", "config", "target", "project", "self", "if", "in", "as", "x-a", "a-token", "\x00", "\n", "\u2028", "é",
    "shop", "database", "tenant", "more", "any", "open", "whole", "either", "named", "times", "hosts", "tree", "mode", "deep", "credentials", "fuzz",
    "name", "host", "port", "password", "pool", "min", "max", "payments", "url", "timeout", "labels", "languages", "checkout", "kind", "below", "key",
)  # fmt: skip
KEYWORDS = (
    "$ref", "$dynamicRef", "$dynamicAnchor", "$anchor", "$id", "$schema", "$defs", "definitions", "$comment", "$vocabulary", "type", "enum", "const",
    "properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "required", "items",
    "prefixItems", "additionalItems", "contains", "minContains", "maxContains", "uniqueItems", "minItems", "maxItems", "minLength", "maxLength",
    "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties",
    "dependentRequired", "dependentSchemas", "dependencies", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "default", "examples", "title",
    "description", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "x-sensitive", "x-env", "x-unit",
    "x-renamed-to", "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "rule", "message",
    "messageExpression", "fieldPath", "reason", "optionalOldSelf", "x-weft", "nullable",
)  # fmt: skip
SCHEMAS = (
    True, False, {}, {"type": "object"}, {"$ref": "#"}, {"$ref": "#/properties/a"}, {"$ref": "shop.schema.json"}, {"$ref": "fuzz.schema.json#/$defs/a"},
    {"$ref": "top.schema.json"}, {"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"$ref": "common.schema.json#/$defs/port"}, {"not": {}},
    {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {"type": ["string", "null"], "default": None}, {"x-sensitive": True}, {"type": "array", "items": {"$ref": "#"}},
    {"$dynamicRef": "#a"}, {"$ref": "#/$defs/a"}, {"$recursiveRef": "#"}, {"x-renamed-to": "shop.name"}, {"x-env": "SHOP_NAME"}, {"const": {"a": [1, 1.0]}},
    {"x-kubernetes-validations": [{"rule": "self.a == self.b", "message": "no"}]}, {"enum": [1, 1.0, True, None, "1"]}, {"type": "integer", "multipleOf": 0.1},
    "object", "array", "string", "number", "integer", "boolean", "null", "date", "date-time", "duration", "uri", "regex", "ipv4", "email", "hostname", "uuid", "set",
    "map", "atomic", "granular",
)  # fmt: skip
PROJECT = (
    "version", "project", "schema", "templates", "dimensions", "layers", "outputs", "policies", "waivers", "values", "aliases", "files", "setting", "optional",
    "limits", "template", "path", "scope", "when", "check", "secrets", "environment", "tenant", "tier", "control", "policy", "targets", "reason", "expires",
    "overlays/base", "overlays/{environment}", "overlays/**", "overlays/tenants/*.yaml", "schemas/root.schema.json", "shop.ini.j2", "configmap.yaml.j2",
    "kubernetes", "promtool", "redis", "compose", "gunicorn", "shell", "tenant.tier", "tenant.environments", "shop.name", "self.shop.port < 9000",
)  # fmt: skip
YAML = (
    "- ", "? ", ": ", ", ", "[", "]", "{", "}", "&a ", "*a", "&a [*a]", "!", "!!", "!!int ", "!!float ", "!!str ", "!!binary ", "!!set ", "!!omap ", "!!null ",
    "!!python/object:os.system ", "!<x> ", "|", ">", "|2-\n", ">+\n", "'", '"', "%YAML 1.2\n---\n", "%TAG ! x\n", "---\n", "...\n", "#", " #", "@", "`", "<<: *a\n",
    "\n", "\n\n", "\t", "  ", "\\", '"\\x0', '"\\ud800"', "'''", '"a\n b"', "\r", "\x00", "\x85", "\u2028", "\ufeff", "<<<<<<< HEAD\n", "=======\n", ">>>>>>> x\n", "{{ a }}",
    "0x", "0b1", "1e", "1e999", "-.inf", "0o8", "12e03", "~", "{a: 1, a: 2}", "[[[[", "}}}}", "? [a]\n: b\n", "? {a: b}\n",
)  # fmt: skip
JSON = (
    "{", "}", "[", "]", ",", ":", '"', "null", "true", "NaN", "Infinity", "-Infinity", "-", "1e999", "1E400", "0.1e-400", "01", "-0", '"\\ud800"', '"\\u0000"', "\\",
    "\\u", "/*", "//", "*/", "'", "\ufeff", "\x00", "\n", "\r", "\t", '{"a":1,"a":2}', "[[[[", "]]]]", "{}", "[]", '""', "1" * 400, "9" * 5000,
)  # fmt: skip
TEMPLATE = (
    "{{ ", " }}", "{% ", " %}", "{# ", " #}", "{%- ", "-%}", "{{", "}}", "{%+ ", "{% raw %}", "{% endraw %}", "{% for a in ", "{% endfor %}", "{% if ", "{% elif ", "{% else %}",
    "{% endif %}", "{% set a = ", "{% set ns = namespace(v=1) %}", "{% set ns.v = ns.v + ns.v %}", "{% endset %}", "{% macro m(a, b=1) %}", "{% endmacro %}", "{{ m(1) }}", "{% call m() %}",
    "{% endcall %}", "{{ caller() }}", "{% include 'fuzz.j2' %}", "{% include 'configmap.yaml.j2' %}", "{% import 'fuzz.j2' as f %}", "{% from 'fuzz.j2' import m %}",
    "{% extends 'fuzz.j2' %}", "{% block b %}", "{% endblock %}", "{{ super() }}", "{{ self.b() }}", "{% filter upper %}", "{% endfilter %}", "{% with a = 1 %}", "{% endwith %}",
    "{% autoescape true %}", "{% endautoescape %}", "{% do a %}", "{% break %}", "{% continue %}", "{% trans %}", "{% debug %}", "{% block b scoped required %}", "recursive ", "loop(a)", "loop.index",
    "loop.previtem", "loop.changed(a)", "loop.cycle(1,2)", "config", "shop", "database", "database.password", "target.name", "target", "project", "output_path", "weft_version", "more",
    "a", "b", "ns.v", "x", "1", "0", "-1", "1.5", "true", "none", "'x'", '"y"', "[1, 2]", "(1, 2)", "{'a': 1}", "range(9)", "range(10**9)", "dict(a=1)", "lipsum()", "cycler(1)", "joiner()",
    " + ", " - ", " * ", " / ", " // ", " % ", " ** ", " ~ ", " == ", " != ", " < ", " <= ", " in ", " not in ", " and ", " or ", "not ", " is ", " is not ", " if ", " else ", ".", "[", "]", "(", ")",
    "[1:2]", "[::-1]", "[::0]", ", ", ": ", " | ", "| default(1)", "| to_yaml", "| to_json", "| tojson", "| indent(4)", "| indent(99999)", "| quote", "| env", "| secret_env", "| join(',')", "| map('string')",
    "| map(attribute='a')", "| select", "| selectattr('a')", "| groupby('a')", "| sort", "| unique", "| batch(3)", "| slice(3)", "| first", "| last", "| min", "| max", "| sum", "| random", "| length", "| list",
    "| string", "| int", "| int('x', 99)", "| float", "| round(3, 'ceil')", "| abs", "| upper", "| title", "| trim", "| truncate(3)", "| wordwrap(1)", "| wordcount", "| replace('a', 'b')", "| reverse", "| dictsort",
    "| items", "| attr('a')", "| format(1)", "| center(9)", "| xmlattr", "| urlize", "| urlencode", "| pprint", "| escape", "| safe", "| striptags", "| filesizeformat", "| reject('odd')", "| b64encode",
    "is defined", "is mapping", "is divisibleby(0)", "is sameas(a)", "is in(a)", "is filter('x')", "is number", ".items()", ".format(1)", ".format(*a)", ".__class__", ".join(a)", ".center(9)", ".split()", ".encode()",
    "'%s' % a", "'%(a)s' % a", "'{0}'.format(a)", "'{:{w}}'.format(1, w=9)", "\n", "  ", "# ", "\x00", "\u2028", "\ufeff", "\\", "'\\ud800'", "'\\x00'", "'\\N{DIGIT ONE}'", "'\\x", "1_000", "0x1f", "1e999", "é",
)  # fmt: skip
VALUES = (
    *NUMBERS,
    *TEXTS,
    True,
    False,
    None,
    [],
    {},
    [[]],
    [{}],
    {"": None},
    {"$value": 1},
    {"$append": [1]},
    {"$remove": ["x"]},
    {"$patch": "delete"},
)
SAID_BY = {
    "overlay": (YAML, KEYS, VALUES),
    "json": (JSON, KEYS, VALUES),
    "project": (YAML, (*PROJECT, *KEYS), (*PROJECT, *VALUES)),
    "schema": (JSON, (*KEYWORDS, *KEYWORDS, *KEYS), (*SCHEMAS, *SCHEMAS, *VALUES)),
    "template": (TEMPLATE, (), ()),
}
"""What is said in each kind of input: pieces of text, keys, and values."""
