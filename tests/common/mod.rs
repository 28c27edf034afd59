//! What several test programs share.
#![allow(dead_code, reason = "every test program compiles this and uses a part of it")]

pub mod backend;
pub mod data;
pub mod golden;
pub mod golden_training;
pub mod hash;
