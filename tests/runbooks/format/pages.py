"""Playbooks for tests: one that is whole and uses every kind of fence, and ways to break it."""

WHOLE = """\
---
runbook: ShopAway
alerts: [ShopAway, ShopSlow]
subject: "provider:{provider}"
domain: gateway
autonomy: suggest
needs: {provider: "", fallback: paypal}
limits: {runs_per_day: 3, cooldown: 15m, deadline: 20m, orders: 500, sessions: any, cents: 0}
drill: shop-away
---
# ShopAway

## Meaning

A provider does not answer.

## Impact

New checkouts go to the other one.

## Diagnosis

Dashboard: /d/gateways.

```promql
sum by (provider) (increase(cubano_failovers_total[10m]))
sum(cubano_gateway_breaker)
```

```check down
read: gateway.health
with: {provider: "{provider}"}
expect: {state: down, age_s: "> 30"}
else: {stop: "Not a fault of the gateway; see [the pool](DbDown.md)."}
```

```check failing
query: sum(rate(http_client_request_duration_seconds_count{provider="{provider}",outcome!="ok"}[5m]))
expect: {value: "> 0"}
else: {go: call}
```

```choose kind
first:
  - when: {down.state: auth}
    go: call
  - when: {down.state: "one of slow, limited"}
    stop: It answers.
otherwise: {go: switch}
```

## Mitigation

Breakers do the work.

```act switch
do: route.put
with: {order: "{fallback}"}
lease: 30m
when: {down.state: down}
approve: true
```

```human call
do: Call the support of {provider}.
answers: [done, nobody answers]
```

```console
$ cubano controls ls
```

## Verify

```verify recovered
all:
  - query: sum(rate(http_client_request_duration_seconds_count{outcome="ok"}[3m]))
    expect: {value: ">= 0.95"}
  - read: checkout.probe
    expect: {ok: true}
within: 5m
worse:
  - read: gateway.health
    with: {provider: "{fallback}"}
    expect: {state: down}
```

## Customers

```notify tell
to: customers
template: provider-disturbed
with: {provider: "{provider}"}
```

## Escalate

Owner: payments.

## Afterwards

```note hint
text: Compare the day with the books.
```
"""


def broken(old: str, new: str, text: str = WHOLE) -> str:
    """The page with one place changed; the place has to be there, once."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def line_of(words: str, text: str) -> int:
    """The line, from 1, in which these words stand first."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)
