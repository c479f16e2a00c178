"""One request per host per interval over all workers, and robots.txt shared by them, in Redis."""
