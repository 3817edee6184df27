//! The interface of oms.
