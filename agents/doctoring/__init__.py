"""What ``zeta doctor`` looks at: the machine, the settings, the broker and the model servers.

Each module holds checks of one kind and returns findings; ``examining`` runs them all. Nothing is
written anywhere, and no finding holds a secret.
"""
