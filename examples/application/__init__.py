"""The reference application: the program that the platform's Deployment runs, small enough to be read in an hour.

It shows where every setting of the configuration ends. `settings.py` reads the settings; each other module takes its part of
them and hands it to the library that does the work:

    main.py          builds the application of its parts; gunicorn runs `application.main:app`
    parts.py         makes each part from its settings
    api.py           the endpoints of the product
    databases.py     PostgreSQL: pools, reads and writes apart, failover
    redis_stores.py  Redis in each mode: a cache, and a store that never evicts
    caching.py       answers that are kept, in the process and in Redis
    documents.py     MongoDB and Elasticsearch
    breakers.py      giving a failing server time to recover
    rate_limits.py   requests of one client in a window
    features.py      feature flags by OpenFeature
    uploads.py       audio that people send
    jobs.py          work for the workers of machine learning
    webhooks.py      events for a tenant
    health.py        what the probes of Kubernetes ask
    metrics.py       figures of all workers, on a port of their own
    traces.py        spans by OTLP
    tables.py        the tables of PostgreSQL
    migrate.py       creates them: `python -m application.migrate`
"""
