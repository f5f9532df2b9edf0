"""Configuration for programs that cannot use `weft.client`: their own files, kept in a folder, of one accepted revision at a time.

A revision goes through `agent.Agent`: it is read and checked as by a running program (`revisions`), its files are made (`making`), they are checked
in a folder of their own, and put in place by renaming one link (`folder`). Then the program is notified, or restarted (`program`); if it is not well
afterwards, the old files come back, and the revision is remembered as refused.

Start reading at `agent.Agent`, then `folder.Folder`.

May import: base, files, report, schema, rules, secrets, stages, checks (how programs are run), client.
"""
