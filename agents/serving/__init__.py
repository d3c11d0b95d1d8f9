"""The parts of the gateway: OpenAI's HTTP API on one side, Kafka's records on the other."""
