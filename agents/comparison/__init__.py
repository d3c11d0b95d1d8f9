"""Other ways of choosing a model, played on the very draws that ``zeta evaluate`` deals.

``router`` says what one is, ``play`` deals it a draw and takes its time. ``ours`` is the loop of
``agents.evaluation``; ``litellm_latency`` and ``litellm_adaptive`` drive LiteLLM by its own API;
``hindsight`` is what could be had. ``entrants`` names them all, ``compare`` sums them up, ``table``
shows it.
"""
