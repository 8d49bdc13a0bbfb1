"""Scores the product against reference answers. Imports `tutor`; `tutor` never imports it."""
