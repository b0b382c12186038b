"""Blind tests for people: which sound is better, how good is it, and what the answers say."""
