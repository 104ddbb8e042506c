"""The payment gateways behind one small protocol; `base.py` is what the nouns see, the rest is one file a provider."""
