"""What runs inside a worker: the standard library, this folder and `linux`; nothing else of the project."""
