"""Xero's Accounting API: reference data, contacts, invoices, bank transactions and what hangs on them."""
