"""``zeta bench``: how fast the product is, each figure beside a yardstick of the same run."""
