"""What runs the app: gunicorn's thread worker, made patient. Who sends or reads slowly holds no thread for long.

gunicorn's own gives a connection a thread at its first byte, and the thread then waits for the rest, for ever: a
handful of clients that send a byte now and then stop a server. Here the worker's loop, which waits for all connections
at once, takes requests in, and a thread begins when the request is whole. What is too long for that, a thread reads
and writes at a pace that may not fall below a slow line's. A reverse proxy that buffers does the same; this is for
those who have none, and for what comes through.
"""
