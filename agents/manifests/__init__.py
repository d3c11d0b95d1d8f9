"""What Kubernetes is told of this product, made from the settings: ``zeta manifests``."""
