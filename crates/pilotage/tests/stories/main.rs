//! Stories: the real binary, told from outside, over its HTTP door.

mod crash;
mod hostile;
mod operate;
mod path;
mod protect;
mod receiver;
mod reload;
mod server;
mod waiting;
