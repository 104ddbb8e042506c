"""Messages on their way out (mails, calls to gateways) as an operator sees and handles them; sending is the worker's."""
