"""Simulated model servers: real HTTP in the shapes of TGI, TEI and OpenAI, scripted behaviour."""
