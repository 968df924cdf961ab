"""The process: what it is asked, what it does step by step, what it says and what it measures."""
