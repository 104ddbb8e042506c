"""From a wish to the gateway's page: check, price, hold, write down what will be asked, ask, answer."""
