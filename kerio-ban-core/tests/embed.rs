//! The example is compiled and run, and bans whom it should.

#[path = "../examples/embed.rs"]
mod example;

#[test]
fn the_example_bans_who_fails_three_times() -> Result<(), kerio_ban_core::Error> {
    let expected = ["203.0.113.9 is banned for 1200 s", "203.0.113.9 is free"];
    assert_eq!(example::bans()?, expected);
    example::main()
}
