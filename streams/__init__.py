"""Where it travels: settings, topics, the way in and out of Kafka, windows, the local broker."""
