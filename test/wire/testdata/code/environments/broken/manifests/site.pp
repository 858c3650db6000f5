node default { fail("boom") }
