"""The server: an API that existing clients can use, and a page, without any framework.

    server.py        the process: listens, serves, ends after a signal
    threads.py       how many threads compute a matrix product
    connections.py   how long and how much each connection may send, and leave unread
    app.py           the routes; state.py: what all requests share
    accounting.py    counts requests and writes a line about each; metrics.py: the counts
    security.py      keys, hosts, origins, headers
    bodies.py        reads the body of a request
    requests.py      fields of requests and their bounds; decoding_fields.py: how tokens are chosen;
                     other_fields.py: fields of other servers
    tokenization.py  requests for ids of texts
    plan.py          from a request to the texts that are to be generated
    generation.py    a request in progress; filtered.py: one for documents that pass filters
    choices.py       what is known of a text so far; stop_texts.py: what is left out of it
    formats.py       the objects and events of answers; answers.py sends them
    api_errors.py    errors that a client sees
    openapi.py       the description of the server
    models.py        the models by name, replaced when their directories change; names.py: the names
    engine.py        generates the texts of all clients of a model, side by side

A request is read (`bodies`), checked (`requests`), planned (`plan`) and submitted to the engine of
its model (`generation`). The engine's thread hands what is new of each text to the event loop,
which sends it (`choices`, `formats`, `answers`).
"""
