"""Who answers for a name: name servers, a validating resolver, a host over SSH."""
