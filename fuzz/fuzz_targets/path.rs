//! Request paths.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bluegate_proxy::fuzzing::path(bytes));
