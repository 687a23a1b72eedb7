#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kerio_ban_fuzz::config::run(data));
