-- Browsers seen before they kept a secret: history, which no browser will be found in.
update earn_knowndevice set digest = sha256(gen_random_uuid()::text::bytea);
