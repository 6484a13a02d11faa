//! One file per call, and one for what holds whatever is called.

mod invariants;
mod register;
mod set_active;
mod set_price;
