"""The suite: tries the claims of `derivation` on what `cam` computes and reports the standing of each."""
