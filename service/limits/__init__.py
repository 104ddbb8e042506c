"""How often who may ask for what: zones with bursts, in memory or shared in Redis, and what answers say about them."""
