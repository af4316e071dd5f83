c.doctor()
for id in ("peer-blocked", "same-router-id"):
    cause = c.findings.get(id, [{}])[0].get("cause", "")
    c.must("this node itself" in cause, f"{id}: {cause or c.words}")
