"""The processes behind a local sandbox. They run in a bare interpreter: standard library and relative imports only.

`factory.py` is one process per host process; it forks a keeper for each sandbox. `keeper.py` holds the sandbox's
namespaces and files and forks a runner for each command. `runner.py` is the first process of a command's pid
namespace: it starts the command, and when that ends or the host says so, it kills and reaps everything.
"""
