// Two heavy libraries, loaded together where a Redis is configured. By name: a bundler cannot give them otherwise.
export { Queue, Worker } from "bullmq";
export { Redis } from "ioredis";
