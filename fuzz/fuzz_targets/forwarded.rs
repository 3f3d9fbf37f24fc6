//! `Forwarded` and `X-Forwarded-For`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bluegate_net::fuzzing::forwarded(bytes));
