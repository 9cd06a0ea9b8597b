"""How training steps are run: by the code of `nn` as it is (`TextbookEngine`), or faster with the same numbers (`FastEngine`)."""
