"""Operations that OpenAI's API has no word for: next tokens, scores, hidden states."""
