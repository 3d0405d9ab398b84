//! The layers, in the order of the ladder.

pub mod floor;

pub mod types;

pub mod body;

pub mod future;

pub mod service;

pub mod routing;

pub mod whole;

pub mod hyperlane;

pub mod prices;
