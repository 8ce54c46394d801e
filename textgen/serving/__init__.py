"""The server: an API that existing clients can use, and a page, without any framework."""
