//! One file per call, and some for what holds whatever is called.

mod accept_version;
mod attacks;
mod claim_vested;
mod close_version;
mod community_actions;
mod dispute;
mod evaluate;
mod interleaving;
mod invariants;
mod propose_version;
mod register;
mod register_derived;
mod revenue;
mod set_active;
mod set_price;
mod views;
