"""The suite: tries the claims of `derivation` on what `cam` computes, weighs the evidence and reports the standing of each."""
