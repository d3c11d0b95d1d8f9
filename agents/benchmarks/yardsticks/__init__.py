"""Programs that the product is measured against: as little as can do the same job."""
