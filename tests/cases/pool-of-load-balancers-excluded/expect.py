c.doctor()
c.must(not c.serious(), c.words)
