"""What a playbook may read and do: the registry's entries, one module a noun, through the operators' API and a narrow SQL role."""
