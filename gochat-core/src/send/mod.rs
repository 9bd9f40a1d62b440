//! The one pipeline that every message goes through: validate, recognise repeats, authorise, number, append, plan delivery.
