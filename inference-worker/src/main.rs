mod amount;
mod artifacts;
mod chain;
mod config;
mod keys;
mod queue;
mod run;
mod server;
fn main() {}
