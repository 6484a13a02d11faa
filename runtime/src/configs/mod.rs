//! Parameters of the pallets, by area.

pub mod autonomy;
pub mod bonds;
pub mod consensus;
pub mod governance;
pub mod money;
pub mod ownership;
pub mod parameters;
pub mod rules;
pub mod system;
pub mod tokens;
pub mod works;
