"""Damage at random places of a JSON document."""

from hypothesis import strategies as st

numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**32, 2**63, 10**12, 10**400, -(10**12)]),
    st.floats(allow_nan=True, allow_infinity=True),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5), st.just("\ud800")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


def spoil(data, draw):
    """Put some value in some place of a JSON document."""
    while isinstance(data, dict | list) and data and draw(st.integers(0, 5)):
        keys = sorted(data) if isinstance(data, dict) else range(len(data))
        key = draw(st.sampled_from(list(keys)))
        if not isinstance(data[key], dict | list) or not draw(st.integers(0, 3)):
            if draw(st.booleans()) and isinstance(data, dict):
                del data[key]
            else:
                data[key] = draw(values)
            return
        data = data[key]
