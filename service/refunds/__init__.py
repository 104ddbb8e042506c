"""Money on its way back. So far what the gateway tells of refunds; asking for one comes with its own flow."""
