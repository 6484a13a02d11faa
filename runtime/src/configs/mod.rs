//! Parameters of the pallets, by area.

pub mod autonomy;
pub mod bonds;
pub mod consensus;
pub mod money;
pub mod ownership;
pub mod parameters;
pub mod system;
pub mod tokens;
pub mod works;
